import type { Program } from './running-program.ts'

export const services = ['gateway', 'keys', 'directory', 'audit'] as const
export type Service = (typeof services)[number]

/** What the distributed program printed of a service, or logged of one that it started again since. */
export function serviceOf(program: Program, service: Service): { url: string; pid: number } {
  const [, url = '', pid] = new RegExp(`^${service} +(\\S+) +process (\\d+)$`, 'm').exec(program.stdout) ?? []
  const again = [...program.stderr.matchAll(new RegExp(`"pid":(\\d+),"msg":"the ${service} service is back"`, 'g'))]
  return { url, pid: Number(again.at(-1)?.[1] ?? pid) }
}
