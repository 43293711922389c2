import {
  applyDecorators,
  type ArgumentsHost,
  Catch,
  Controller,
  type RpcExceptionFilter,
  UseFilters,
} from '@nestjs/common'
import { Ctx, EventPattern as NestEventPattern, Payload } from '@nestjs/microservices'
import { type Observable, throwError } from 'rxjs'
import type { AnyEvent, EventPattern as KnownPattern } from '#libs/events/index'
import type { EventBatch } from '../port.ts'

/** Nest would replace a handler's error by "Internal server error"; the event log needs the real one to wait, retry or bury. */
@Catch()
class KeepTheCause implements RpcExceptionFilter {
  catch(error: unknown, _host: ArgumentsHost): Observable<never> {
    return throwError(() => error)
  }
}

/** Marks a controller whose `@EventPattern(pattern, GROUP)` methods apply events. */
export function Follows(): ClassDecorator {
  return applyDecorators(Controller(), UseFilters(new KeepTheCause()))
}

/** The events that a pattern lets through. */
export type Heard<Pattern extends KnownPattern> = Pattern extends `${infer Family}.*`
  ? Extract<AnyEvent, { name: `${Family}.${string}` }>
  : Extract<AnyEvent, { name: Pattern }>

/** What the handler of one pattern is given beside its own events. */
export interface HeardBatch extends EventBatch {
  /** All of the batch, those for the handlers of other patterns too: for whoever locks first what all of them need. */
  readonly events: readonly AnyEvent[]
}

type Handler<Pattern extends KnownPattern> = (events: readonly Heard<Pattern>[], batch: HeardBatch) => Promise<void>

/**
 * Nest's `@EventPattern` for a method that applies events:
 * `method(events: readonly Heard<Pattern>[], batch: HeardBatch): Promise<void>`. Without it Nest would pass the events alone.
 */
export function EventPattern<Pattern extends KnownPattern>(pattern: Pattern, group: symbol) {
  const listen = NestEventPattern<string>(pattern, group)
  return (target: object, name: string, method: TypedPropertyDescriptor<Handler<Pattern>>): void => {
    listen(target, name, method)
    Payload()(target, name, 0)
    Ctx()(target, name, 1)
  }
}
