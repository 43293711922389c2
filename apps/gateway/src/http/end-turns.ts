import { Inject, Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import { HttpAdapter } from '#libs/http/index'
import { Rates } from '../rates.ts'

/** Has what waits for its turn answered when the gateway is to end: a flood of refusals keeps it no longer than it takes to write them. */
@Injectable()
export class EndTurns implements OnModuleInit {
  readonly #host: HttpAdapterHost
  readonly #rates: Rates

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Inject(Rates) rates: Rates) {
    this.#host = host
    this.#rates = rates
  }

  onModuleInit(): void {
    const adapter = this.#host.httpAdapter
    if (!(adapter instanceof HttpAdapter)) throw new TypeError('the application was not created with createHttpAdapter')
    adapter.onDrain(() => this.#rates.end())
  }
}
