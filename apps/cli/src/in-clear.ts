import { isLoopback } from '#libs/addresses/index'

/** The option by which somebody takes it upon himself that a secret is sent in clear. */
export const insecureHttp = {
  flag: '--insecure-http',
  about: 'send secrets in clear to another machine, for whoever is on the way to read',
} as const

/** What is sent there leaves this machine, and whoever is on the way can read it. */
export function isInClear({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && !isLoopback(hostname)
}
