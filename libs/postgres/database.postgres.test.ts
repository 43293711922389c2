import { randomBytes } from 'node:crypto'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Database, Entities, isConnectionLoss, tookTooLong, type Waiting } from './index.ts'

let server: TestDatabase
let told: Error[] = []
const closing: (() => Promise<unknown>)[] = []

function open(options: Partial<ConstructorParameters<typeof Database>[0]> = {}): Database {
  const database = new Database({
    url: server.url,
    applicationName: 'database test',
    connections: 4,
    onIdleFailure: (error) => void told.push(error),
    ...options,
  })
  closing.unshift(() => database.close())
  return database
}

beforeAll(async () => {
  server = await testDatabase()
  const database = open()
  await database.query('CREATE TABLE written (number integer PRIMARY KEY)')
}, 60_000)
beforeEach(() => (told = []))
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(() => server.drop())

describe('a snapshot', () => {
  it('reads the database as it was at one moment, writes nothing, and gives its connection back', async () => {
    const database = open({ connections: 2 })
    await database.query('CREATE TABLE IF NOT EXISTS moved (number integer)')
    const snapshot = await database.openSnapshot()
    const count = (): Promise<unknown[]> => snapshot.query('SELECT count(*) AS n FROM moved')
    expect(await count()).toEqual([{ n: 0 }])
    await database.query('INSERT INTO moved VALUES (1)')
    expect(await count()).toEqual([{ n: 0 }])
    await expect(snapshot.query('INSERT INTO moved VALUES (2)')).rejects.toMatchObject({ code: '25006' })
    await snapshot.end()
    await snapshot.end()
    for (let round = 0; round < 5; round++) {
      expect(await database.snapshot((reads) => reads.query('SELECT count(*) AS n FROM moved'))).toEqual([{ n: 1 }])
    }
  })

  it('ends a statement that takes longer than it may, and others are as before', async () => {
    const database = open({ connections: 1, statementTimeout: 20_000 })
    const slow = database.snapshot((reads) => reads.query('SELECT pg_sleep(10)'), 100)
    expect(tookTooLong(await slow.catch((error: unknown) => error))).toBe(true)
    expect(await database.query('SHOW statement_timeout')).toEqual([{ statement_timeout: '20s' }])
  })
})

describe('what runs after commit', () => {
  it('cannot make a committed transaction look failed: all run in order, and failures are told', async () => {
    const database = open()
    const order: number[] = []
    const result = await database.transaction(async (transaction) => {
      transaction.send('INSERT INTO written VALUES (1)')
      transaction.afterCommit(() => {
        order.push(1)
        throw new Error('a metric failed')
      })
      transaction.afterCommit(() => void order.push(2))
      return 'done'
    })
    expect(result).toBe('done')
    expect(order).toEqual([1, 2])
    expect(told.map((error) => error.message)).toEqual(['a metric failed'])
    expect(await database.query('SELECT number FROM written WHERE number = 1')).toHaveLength(1)
  })

  it('leaves out what was asked for inside a savepoint that was rolled back', async () => {
    const database = open()
    const ran: string[] = []
    await database.transaction(async (transaction) => {
      transaction.afterCommit(() => void ran.push('before'))
      const failed = transaction.savepoint(async () => {
        transaction.afterCommit(() => void ran.push('inside'))
        await transaction.savepoint(async () => transaction.afterCommit(() => void ran.push('deeper')))
        throw new Error('undone')
      })
      await expect(failed).rejects.toThrow('undone')
      await transaction.savepoint(async () => transaction.afterCommit(() => void ran.push('kept')))
    })
    expect(ran).toEqual(['before', 'kept'])
  })

  it('does not run when the transaction fails', async () => {
    const database = open()
    let ran = false
    const failed = database.transaction(async (transaction) => {
      transaction.send('INSERT INTO written VALUES (2), (2)')
      transaction.afterCommit(() => (ran = true))
    })
    await expect(failed).rejects.toMatchObject({ code: '23505' })
    expect(ran).toBe(false)
  })

  it('holds for transactions of entities alike', async () => {
    const entities = await Entities.open({
      url: server.url,
      schema: 'public',
      applicationName: 'database test',
      connections: 2,
      entities: [],
      onIdleFailure: (error) => void told.push(error),
    })
    closing.unshift(() => entities.close())
    const ran: number[] = []
    await entities.transaction(async (_, transaction) => {
      transaction.send('INSERT INTO written VALUES (3)')
      transaction.afterCommit(() => {
        throw new Error('a log line failed')
      })
      transaction.afterCommit(() => void ran.push(3))
    })
    const failed = entities.transaction(async (_, transaction) => {
      transaction.send('INSERT INTO written VALUES (4)')
      transaction.send('INSERT INTO written VALUES (3)')
      transaction.afterCommit(() => void ran.push(4))
    })
    await expect(failed).rejects.toMatchObject({ code: '23505' })
    expect(ran).toEqual([3])
    expect(told.map((error) => error.message)).toEqual(['a log line failed'])
    expect(await entities.manager.query('SELECT number FROM written WHERE number IN (3, 4)')).toEqual([{ number: 3 }])
  })
})

describe('quick connections', () => {
  const one = { name: 'one', text: 'SELECT 1 AS one' }

  it('are never more than four, however often they break while in use', async () => {
    const database = open()
    const quick = open({ applicationName: 'quick test' })
    const theirs = "FROM pg_stat_activity WHERE application_name = 'quick test'"
    for (let round = 0; round < 10; round++) {
      await Promise.all(turns(12, () => quick.quick(one, []).catch(() => [])))
      const ended = database.query(`SELECT pg_terminate_backend(pid) ${theirs}`)
      await Promise.all(turns(40, () => quick.quick(one, []).catch(() => [])))
      await ended
    }
    const [row] = await database.query<{ open: number }>(`SELECT count(*) AS open ${theirs}`)
    expect(row?.open).toBeLessThanOrEqual(4)
  })

  function turns<T>(count: number, query: () => Promise<T>): Promise<T>[] {
    return Array.from({ length: count }, async (_, turn) => {
      for (let waited = 0; waited < turn; waited++) await new Promise((resolve) => setImmediate(resolve))
      return query()
    })
  }
})

describe('a transaction that a statement fails', () => {
  const division = 'SELECT 1 / 0'

  it('tells that failure, and not how what was sent after it was refused', async () => {
    const failed = open().transaction(async (transaction) => {
      const first = transaction.query(division)
      transaction.send('SELECT 1')
      await first
    })
    await expect(failed).rejects.toMatchObject({ code: '22012' })
  })

  it('tells it also where the one refused for it is waited for', async () => {
    const failed = open().transaction(async (transaction) => {
      const [first, second] = [transaction.query(division), transaction.query('SELECT 1')]
      first.catch(() => undefined)
      await second
    })
    await expect(failed).rejects.toMatchObject({ code: '22012' })
  })

  it('within a savepoint tells it too, and goes on', async () => {
    await open().transaction(async (transaction) => {
      const failed = transaction.savepoint(async () => {
        const first = transaction.query(division)
        transaction.send('SELECT 1')
        await first
      })
      await expect(failed).rejects.toMatchObject({ code: '22012' })
      expect(await transaction.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    })
  })
})

test("a session keeps values out of the server's log as far as its role may", async () => {
  const database = open()
  const setting = { name: 'verbosity', text: `SELECT current_setting('log_error_verbosity') AS set` }
  for (const [right, expected] of [
    ['SUPERUSER', 'terse'],
    ['NOSUPERUSER', 'verbose'],
  ] as const) {
    const role = `role_${randomBytes(8).toString('hex')}`
    await database.query(`CREATE ROLE ${role} LOGIN ${right} PASSWORD 'pass'`)
    await database.query(`ALTER ROLE ${role} SET log_error_verbosity = verbose`)
    const url = new URL(server.url)
    url.username = role
    url.password = 'pass'
    const theirs = open({ url: url.href })
    const entities = await Entities.open({
      url: url.href,
      schema: 'public',
      applicationName: 'database test',
      connections: 1,
      entities: [],
    })
    const found = await Promise.all([
      theirs.query(setting),
      theirs.quick(setting, []),
      entities.manager.query(setting.text),
    ])
    expect(found).toEqual(found.map(() => [{ set: expected }]))
    await Promise.all([theirs.close(), entities.close()])
    closing.shift()
    await database.query(`DROP ROLE ${role}`)
  }
})

describe('a statement timeout', () => {
  it('ends a statement at the server, as a connection loss, and leaves the pool usable', async () => {
    const database = open({ statementTimeout: 50, connections: 1 })
    const failure = await failureOf(database.query('SELECT pg_sleep(30)'))
    expect(failure).toMatchObject({ code: '57014' })
    expect(isConnectionLoss(failure)).toBe(true)
    const inTransaction = database.transaction(async (transaction) => transaction.send('SELECT pg_sleep(30)'))
    expect(isConnectionLoss(await failureOf(inTransaction))).toBe(true)
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('bounds a transaction by what it may take at most, depending on whether a request waits for it', async () => {
    const database = open({ statementTimeout: 50, workTimeout: 30_000, connections: 1 })
    const sleep = (waiting?: Waiting): Promise<unknown> =>
      database.transaction((transaction) => transaction.query('SELECT pg_sleep(0.2)'), waiting)
    await sleep()
    expect(await failureOf(sleep('a request waits'))).toMatchObject({ code: '57014' })
    await sleep('nobody waits')
    expect(await failureOf(database.query('SELECT pg_sleep(0.2)'))).toMatchObject({ code: '57014' })
  })

  it('does not bound a session', async () => {
    const database = open({ statementTimeout: 50 })
    expect(await database.session((session) => session.query('SELECT 1 AS one FROM pg_sleep(0.2)'))).toEqual([
      { one: 1 },
    ])
  })

  it('lets go of a connection of entities that has fallen silent, so that no half-done transaction is used again', async () => {
    const silent = await openSilenceable()
    const entities = await Entities.open({
      url: silent.url,
      schema: 'public',
      applicationName: 'database test',
      connections: 1,
      entities: [],
      statementTimeout: 50,
    })
    closing.unshift(() => entities.close())
    const halfDone = entities.transaction(async (manager) => {
      await manager.query('INSERT INTO written VALUES (11)')
      silent.hush(true)
      await manager.query('INSERT INTO written VALUES (12)')
    })
    expect(isConnectionLoss(await failureOf(halfDone))).toBe(true)
    silent.hush(false)
    await entities.transaction((manager) => manager.query('INSERT INTO written VALUES (13)'))
    expect(await entities.manager.query('SELECT number FROM written WHERE number > 10')).toEqual([{ number: 13 }])
  })

  it('gives up on a server that has fallen silent, and goes on once it speaks again', async () => {
    const silent = await openSilenceable()
    const database = open({ url: silent.url, statementTimeout: 50, connections: 1 })
    const one = { name: 'one', text: 'SELECT 1 AS one' }
    const broken = [() => database.query(one), () => database.transaction(async (transaction) => transaction.send(one))]
    for (const work of broken) {
      await work()
      silent.hush(true)
      const failure = await failureOf(work())
      silent.hush(false)
      expect(isConnectionLoss(failure)).toBe(true)
    }
    expect(await database.query(one)).toEqual([{ one: 1 }])
    expect(await database.transaction((transaction) => transaction.query(one))).toEqual([{ one: 1 }])
  })

  function failureOf(work: Promise<unknown>): Promise<unknown> {
    return work.then(
      () => undefined,
      (error: unknown) => error,
    )
  }

  /** The test's Postgres behind a wire that can be made to carry nothing. */
  async function openSilenceable() {
    const { hostname, port } = new URL(server.url)
    const ends = new Map<Socket, Socket>()
    const proxy = createServer((near) => {
      const far = connect(Number(port), hostname)
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        ends.set(from, to)
        from.on('error', () => to.destroy()).on('close', () => to.destroy())
        from.pipe(to)
      }
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    closing.push(async () => void proxy.close())
    const url = new URL(server.url)
    url.hostname = '127.0.0.1'
    url.port = String((proxy.address() as AddressInfo).port)
    return {
      url: url.href,
      hush(silent: boolean) {
        for (const [from, to] of ends) {
          if (silent) from.unpipe()
          else from.pipe(to)
        }
      },
    }
  }
})
