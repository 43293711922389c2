/** One node that is broker and controller, for one machine: small, quick to come back, and nothing made that was not asked for. */
export function properties(
  data: string,
  port: number,
  controllerPort: number,
  settings: Readonly<Record<string, string>>,
): string {
  const all: Record<string, string> = {
    ...single,
    ...small,
    ...settings,
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('')
}

const single = {
  'auto.create.topics.enable': 'false',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  // After a kill the new process is let in when the old one's session is over.
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
}

const small = {
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.num.partitions': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'num.network.threads': '2',
  'num.io.threads': '4',
  'background.threads': '2',
  'log.cleaner.dedupe.buffer.size': '4194304',
  'log.index.size.max.bytes': '1048576',
  'offsets.load.buffer.size': '1048576',
  'transaction.state.log.load.buffer.size': '1048576',
  'share.coordinator.load.buffer.size': '1048576',
}

/** At most two files of 4 MiB: the one named by the system property latchkey.log, and the same name with .1. */
export const log4jConfiguration = `<Configuration status="ERROR" shutdownHook="disable">
  <Appenders>
    <RollingFile name="file" fileName="\${sys:latchkey.log}" filePattern="\${sys:latchkey.log}.1" filePermissions="rw-------">
      <PatternLayout pattern="%d{ISO8601_OFFSET_DATE_TIME_HHCMM} %p %c{1}: %m%n%throwable"/>
      <SizeBasedTriggeringPolicy size="4MB"/>
      <DefaultRolloverStrategy max="1"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Logger name="org.apache.kafka.common.utils.AppInfoParser" level="ERROR"/>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
    <Root level="WARN"><AppenderRef ref="file"/></Root>
  </Loggers>
</Configuration>
`
