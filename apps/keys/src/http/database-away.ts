import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common'
import { catchError, type Observable, throwError } from 'rxjs'
import { problems } from '#libs/http/index'
import { isConnectionLoss } from '#libs/postgres/index'

/** A lost database is no fault of the request nor of the program: 503, to be tried again. */
@Injectable()
export class DatabaseAway implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next
      .handle()
      .pipe(
        catchError((error: unknown) =>
          throwError(() =>
            isConnectionLoss(error)
              ? problems.unavailable(
                  'The database cannot be reached at the moment. Repeat the request, with the same Idempotency-Key if it was a write.',
                  5,
                )
              : error,
          ),
        ),
      )
  }
}
