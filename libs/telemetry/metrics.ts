import type { Meter } from '@opentelemetry/api'
import type { CounterName, GaugeName, HistogramName } from './names.ts'

/** Exactly the labels that the metric's name declares. */
export type Labels<L extends string> = Readonly<Record<L, string | number>>
type LabelArguments<L extends string> = [L] extends [never] ? [] : [labels: Labels<L>]

export interface Counter<L extends string> {
  add(amount: number, ...labels: LabelArguments<L>): void
}
export interface Histogram<L extends string> {
  record(value: number, ...labels: LabelArguments<L>): void
}
export interface Observation<L extends string> {
  readonly value: number
  readonly labels: Labels<L>
}

type Observed<L extends string> = number | readonly Observation<L>[]

/** Instruments by name; the same name asked for twice is the same series, so that modules of one process may share. */
export interface Metrics {
  counter<L extends string>(name: CounterName<L>): Counter<L>
  histogram<L extends string>(name: HistogramName<L>): Histogram<L>
  /** `observe` is called whenever metrics are rendered, which wait for it: it must be quick. */
  gauge<L extends string>(name: GaugeName<L>, observe: () => Observed<L> | Promise<Observed<L>>): void
}

/** A counter without labels exists from the start with 0, so that an alert on it can tell "none" from "not there". */
export function metricsOf(meter: Meter): Metrics {
  return {
    counter: (name) => {
      const counter = meter.createCounter(name.name, name)
      if (name.labels.length === 0) counter.add(0)
      return { add: (amount, ...[labels]) => counter.add(amount, labels) }
    },
    histogram: (name) => {
      const { description, unit, buckets } = name
      const histogram = meter.createHistogram(name.name, {
        description,
        unit,
        advice: { explicitBucketBoundaries: [...buckets] },
      })
      return { record: (value, ...[labels]) => histogram.record(value, labels) }
    },
    gauge: (name, observe) => {
      const gauge = meter.createObservableGauge(name.name, name)
      gauge.addCallback(async (result) => {
        const seen = await observe()
        if (typeof seen === 'number') result.observe(seen)
        else for (const { value, labels } of seen) result.observe(value, labels)
      })
    },
  }
}
