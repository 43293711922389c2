import { applyDecorators, type ArgumentsHost, Catch, Controller, type RpcExceptionFilter, UseFilters } from '@nestjs/common'
import { EventPattern as NestEventPattern } from '@nestjs/microservices'
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

/**
 * Marks a controller whose `@EventPattern(pattern, GROUP)` methods apply events:
 * `method(events: readonly AnyEvent[], batch: EventBatch): Promise<void>`.
 */
export function Follows(): ClassDecorator {
  return applyDecorators(Controller(), UseFilters(new KeepTheCause()))
}

/** The events that a pattern lets through. */
export type Heard<Pattern extends KnownPattern> = Pattern extends `${infer Family}.*`
  ? Extract<AnyEvent, { name: `${Family}.${string}` }>
  : Extract<AnyEvent, { name: Pattern }>

type Handler<Pattern extends KnownPattern> = (events: readonly Heard<Pattern>[], batch: EventBatch) => Promise<void>

/** Nest's `@EventPattern`, which knows the events of each pattern and the shape of a method that applies them. */
export function EventPattern<Pattern extends KnownPattern>(pattern: Pattern, group: symbol) {
  const listen = NestEventPattern<string>(pattern, group)
  return (target: object, name: string, method: TypedPropertyDescriptor<Handler<Pattern>>): void => {
    listen(target, name, method)
  }
}
