import { ServerError } from './errors.ts'

const kafka = '4.3.1'
const log4j = '2.25.4'
const redis = '1.4.3'

/** Names what is fetched, so that another version is fetched anew. */
export const edition = `kafka-${kafka}-redis-${redis}`

/** The Redis of this platform in the jar, which brings 6.2. */
export function redisEntry(): string {
  const entries: Record<string, string> = {
    'linux-x64': 'redis-server-6.2.6-v5-linux-amd64',
    'linux-arm64': 'redis-server-6.2.7-linux-arm64',
    'darwin-x64': 'redis-server-6.2.6-v5-darwin-amd64',
    'darwin-arm64': 'redis-server-6.2.6-v5-darwin-arm64',
  }
  const platform = `${process.platform}-${process.arch}`
  const entry = entries[platform]
  if (entry === undefined) {
    throw new ServerError(
      'platform-unknown',
      `There is no Redis to fetch for ${platform}: install one, so that redis-server is on the PATH.`,
    )
  }
  return entry
}

/**
 * For `mvn generate-resources`: Kafka's jars, with Log4j as what it logs to, into `kafka/` beside the file, and the Redis of this
 * platform into `redis/`.
 */
export const pom = (): string => `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>latchkey</groupId>
  <artifactId>servers</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${kafka}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>${log4j}</version></dependency>
    <dependency>
      <groupId>com.github.codemonstur</groupId><artifactId>embedded-redis</artifactId><version>${redis}</version>
      <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin>
        <groupId>org.apache.maven.plugins</groupId>
        <artifactId>maven-dependency-plugin</artifactId>
        <version>3.8.1</version>
        <executions>
          <execution>
            <id>kafka</id>
            <phase>generate-resources</phase>
            <goals><goal>copy-dependencies</goal></goals>
            <configuration>
              <includeScope>runtime</includeScope>
              <excludeArtifactIds>embedded-redis</excludeArtifactIds>
              <outputDirectory>\${project.basedir}/kafka</outputDirectory>
            </configuration>
          </execution>
          <execution>
            <id>redis</id>
            <phase>generate-resources</phase>
            <goals><goal>unpack-dependencies</goal></goals>
            <configuration>
              <includeArtifactIds>embedded-redis</includeArtifactIds>
              <includes>${redisEntry()}</includes>
              <outputDirectory>\${project.basedir}/redis</outputDirectory>
              <markersDirectory>\${project.basedir}/target</markersDirectory>
            </configuration>
          </execution>
        </executions>
      </plugin>
    </plugins>
  </build>
</project>
`
