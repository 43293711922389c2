import type { ServiceAddresses } from '#libs/admin/index'
import { EmbeddedPostgresError } from '#libs/postgres/embedded/index'
import {
  DataFolder,
  doorOf,
  keepUrl,
  keptPeppers,
  publicAddress,
  readSettings,
  runProgram,
  StartError,
} from '#libs/program/index'
import { ServerError } from '#libs/servers/index'
import { everything } from './everything.ts'
import { keepServers } from './servers.ts'
import { services } from './service-process.ts'
import { keepServices, ofEach, servicePorts } from './services.ts'

/** Each service as a process of its own, over Kafka, Postgres and Redis; all of it started, kept running and ended here. */
export function run(env: NodeJS.ProcessEnv): Promise<void> {
  return runProgram(env, {
    name: 'latchkey',
    read: (variables) => readSettings(variables, everything),
    expected: [EmbeddedPostgresError, ServerError],
    async start(starting) {
      const { configuration, ending, stop } = starting
      const door = doorOf(configuration)
      const folder = new DataFolder(configuration.LATCHKEY_DATA)
      folder.addressKey()
      if (configuration.LATCHKEY_ADMIN_TOKEN === undefined) folder.adminToken()
      if (configuration.LATCHKEY_PEPPERS === undefined) keptPeppers(folder.path)
      const servers = await keepServers(starting, folder)
      if (stop.isAsked()) throw new StartError('told to stop')
      const ports = await servicePorts(starting, folder)
      const addresses = ofEach((name) => publicAddress(door, ports[name]))
      folder.writeServices(addresses)
      ending.add('the list of services', 1_000, async () => folder.writeServices({}))
      const running = await keepServices(starting, ports, {
        ...servers.variables,
        LATCHKEY_DATA: folder.path,
        LATCHKEY_PUBLIC_URL: configuration.LATCHKEY_PUBLIC_URL ?? addresses.gateway,
        LATCHKEY_SERVICES: textOf(configuration.LATCHKEY_SERVICES ?? addresses),
        LATCHKEY_QUICKSTART: String(configuration.LATCHKEY_QUICKSTART ?? true),
      })
      await keepUrl(folder, addresses.keys, starting)
      const lines = [
        ...Object.entries(servers.started).map(([name, address]) => `${name.padEnd(11)}${address}\n`),
        ...services.map((name) => `${name.padEnd(11)}${running[name].url}  process ${running[name].pid}\n`),
      ]
      return `${lines.join('')}Latchkey is ready at ${running.gateway.url}\n${door.notice}${running.keys.banner}`
    },
  })
}

function textOf(addresses: ServiceAddresses): string {
  return Object.entries(addresses)
    .map((each) => each.join('='))
    .join(',')
}
