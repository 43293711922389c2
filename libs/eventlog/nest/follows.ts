import { applyDecorators, type ArgumentsHost, Catch, Controller, type RpcExceptionFilter, UseFilters } from '@nestjs/common'
import { type Observable, throwError } from 'rxjs'

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
