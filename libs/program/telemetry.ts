import { startTelemetry, type Telemetry } from '#libs/telemetry/index'
import type { Starting } from './run.ts'

/** Metrics, and traces where a collector is named; ended with the program. */
export async function openTelemetry(
  { configuration, logger, ending }: Starting<{ readonly OTEL_EXPORTER_OTLP_ENDPOINT: string | undefined }>,
  service: string,
): Promise<Telemetry> {
  const telemetry = await startTelemetry({
    service,
    otlpEndpoint: configuration.OTEL_EXPORTER_OTLP_ENDPOINT,
    onExportFailure: (error) => logger.warn({ err: error }, 'traces could not be exported'),
  })
  ending.add('telemetry', 10_000, () => telemetry.shutdown())
  return telemetry
}
