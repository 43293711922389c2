import { setting } from '#libs/configuration/index'

/** Kafka, where each service is a process of its own. */
export const kafkaSettings = {
  KAFKA_BROKERS: setting.list({
    optional: true,
    about: 'Kafka; only where each service is a process of its own.',
    of: 'HOST:PORT',
    each: /^(\[[0-9a-f:]+\]|[^:/\s[\]]+):\d{1,5}$/i,
  }),
  KAFKA_TOPIC_PREFIX: setting.text({ default: 'latchkey', about: 'What the names of topics begin with.' }),
  KAFKA_PARTITIONS: setting.integer({
    default: 16,
    min: 1,
    max: 1_000,
    about: 'Partitions of each topic, used when topics are made.',
  }),
  KAFKA_REPLICATION: setting.integer({
    default: 1,
    min: 1,
    max: 9,
    about: 'Brokers that hold each partition, used when topics are made; 3 where something depends on it.',
  }),
  KAFKA_TLS: setting.flag({ default: 'false', about: 'Whether Kafka is spoken to over TLS.' }),
  KAFKA_TLS_CA: setting.text({
    optional: true,
    about: 'File (PEM) with the authority that signed the certificate of Kafka, unless it is a public one.',
  }),
  KAFKA_TLS_CERTIFICATE: setting.text({
    optional: true,
    goesWith: ['KAFKA_TLS_KEY'],
    about: 'File (PEM) with our own certificate for Kafka.',
  }),
  KAFKA_TLS_KEY: setting.text({
    optional: true,
    goesWith: ['KAFKA_TLS_CERTIFICATE'],
    about: 'File (PEM) with the private key of that certificate.',
  }),
  KAFKA_SASL_MECHANISM: setting.oneOf(['plain', 'scram-sha-256', 'scram-sha-512'], {
    optional: true,
    goesWith: ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'],
    about: 'How to log in to Kafka, where it asks for that.',
  }),
  KAFKA_SASL_USERNAME: setting.text({
    optional: true,
    goesWith: ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_PASSWORD'],
    about: 'User at Kafka.',
  }),
  KAFKA_SASL_PASSWORD: setting.text({
    optional: true,
    goesWith: ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME'],
    secret: true,
    about: 'Password of that user.',
  }),
}
