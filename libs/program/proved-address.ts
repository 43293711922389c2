import { Controller, type DynamicModule, Get, Header, Inject, Module, Param } from '@nestjs/common'
import { z } from 'zod'
import { type AddressProof, nonceForm, proveAddress } from '#libs/address-proof/index'
import { parse } from '#libs/http/index'

/** Nest provider: proves the address of this process for a nonce. */
const PROVE = Symbol('PROVE')

const asked = z.strictObject({ nonce: z.string().regex(nonceForm) })

/** For whoever found this address in the data folder, and has the key that lies there. No token: to anybody else the answer is random. */
@Controller()
class ProvedAddressController {
  readonly #prove: (nonce: string) => AddressProof

  constructor(@Inject(PROVE) prove: (nonce: string) => AddressProof) {
    this.#prove = prove
  }

  @Get('health/address/:nonce')
  @Header('cache-control', 'no-store')
  prove(@Param() parameters: unknown) {
    return this.#prove(parse(asked, parameters).nonce)
  }
}

@Module({})
export class ProvedAddress {
  /** `key` is of the data folder, `address` as it is written there. */
  static with(key: string, address: string): DynamicModule {
    const prove = (nonce: string): AddressProof => proveAddress(key, address, nonce)
    return {
      module: ProvedAddress,
      controllers: [ProvedAddressController],
      providers: [{ provide: PROVE, useValue: prove }],
    }
  }
}
