import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { defaultPolicy } from '#libs/events/index'
import { cancel, finish, start } from './rotate.ts'
import { days, hours, Simulation } from './test/simulation.ts'

/** The year from here has the 29th of February 2028, and both changes of clocks. */
const begin = new Date('2027-10-01T10:00:00.000Z')
const everyDays = 90

describe('a schedule', () => {
  test('mints ahead, tells in time, and counts each turn from the first use of the key before', () => {
    const world = new Simulation(begin, { everyDays })
    world.active()
    const seen: [day: number, said: string[]][] = []
    for (let day = 0; day <= 366; day++) {
      world.goTo(days(day, begin))
      const waiting = world.running
      if (waiting?.cutOverAt === null && world.now >= days(-12, waiting.dueAt)) world.use(waiting.to)
      const said = world.told()
      if (said.length > 0) seen.push([day, said])
    }
    const turn = (at: number): typeof seen => [
      [at + 60, ['notice due 30']],
      [at + 76, ['notice due 14', 'started']],
      [at + 78, ['cut-over']],
      [at + 81, ['finished old-unused']],
    ]
    expect(seen).toEqual([0, 78, 156, 234].flatMap(turn))
  })

  test('tells of a next key that nobody uses, and each day after it was due', () => {
    const world = new Simulation(begin, { everyDays })
    world.active()
    const seen: string[] = []
    for (let day = 0; day <= 93; day++) {
      world.goTo(days(day, begin))
      seen.push(...world.told().map((said) => `${day}: ${said}`))
    }
    expect(seen).toEqual([
      '60: notice due 30',
      '76: notice due 14',
      '76: started',
      '83: notice unused-next 7',
      '89: notice unused-next 1',
      '90: notice overdue 0',
      '91: notice overdue 1',
      '92: notice overdue 2',
      '93: notice overdue 3',
    ])
    expect(world.situation.plan.dueAt).toEqual(days(90, begin))
  })

  test('has days of 24 hours, whatever the clocks of the place show: the same year in four time zones', async () => {
    const run = promisify(execFile)
    const script = `
      const { Simulation, days } = await import(${JSON.stringify(fileURLToPath(new URL('./test/simulation.js', import.meta.url)))})
      const begin = new Date('2027-10-01T10:00:00.000Z')
      const world = new Simulation(begin, { everyDays: 20, mintAheadDays: 7 })
      world.active()
      for (let day = 1; day <= 366; day++) {
        world.goTo(days(day, begin))
        if (world.running?.cutOverAt === null && day % 5 === 0) world.use(world.running.to)
      }
      console.log(JSON.stringify([new Date(begin).getHours(), world.events.map(({ name, time }) => [name, time])]))`
    const years = await Promise.all(
      ['UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe'].map(async (TZ) => {
        const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
          env: { ...process.env, TZ },
        })
        const [localHour, told] = JSON.parse(stdout) as [number, string[][]]
        return { localHour, told }
      }),
    )
    expect(new Set(years.map(({ localHour }) => localHour)).size).toBe(4)
    expect(years[0]?.told.length).toBeGreaterThan(50)
    for (const { told } of years) expect(told).toEqual(years[0]?.told)
  })

  test('after a week without a worker nothing is lost and nothing told twice: what was missed is told as one', () => {
    const world = new Simulation(begin, { everyDays })
    const old = world.active()
    world.goTo(days(75, begin))
    world.told()
    world.sleepTo(days(83.5, begin))
    // Whoever is to put the new key in place has the whole time for it, from now on.
    expect(world.told()).toEqual(['notice due 7', 'started'])
    const dueAt = days(14, world.now)
    expect(world.running?.dueAt).toEqual(dueAt)
    world.goTo(days(84, begin))
    expect(world.told()).toEqual([])

    const next = world.running?.to ?? old
    world.use(next)
    world.use(old, days(85, begin))
    world.told()
    world.sleepTo(days(94, begin))
    expect(world.told()).toEqual(['extended', 'notice still-used 0', 'finished old-unused'])
  })

  test('a whole month without a worker is made up for at once', () => {
    const world = new Simulation(begin, { everyDays })
    world.active()
    world.sleepTo(days(120, begin))
    expect(world.told()).toEqual(['notice overdue 30', 'started'])
    world.sleepTo(days(140, begin))
    expect(world.told()).toEqual(['notice overdue 6'])
    world.settle()
    expect(world.told()).toEqual([])
  })

  test('starts one rotation for each key: what a person cancelled is not begun again, and is told of all the same', () => {
    const world = new Simulation(begin, { everyDays })
    world.active()
    world.goTo(days(77, begin))
    world.act(cancel)
    world.told()
    world.goTo(days(91, begin))
    expect(world.told()).toEqual(['notice due 7', 'notice due 1', 'notice overdue 0', 'notice overdue 1'])
    world.act((situation, moment) => start(situation, { force: false }, moment))
    expect(world.told()).toEqual(['started'])
  })

  test('that cannot mint beside two keys says so once, and mints when one of them is gone', () => {
    const world = new Simulation(begin, { everyDays })
    world.active()
    const other = world.mint({ ...defaultPolicy, expiresAt: days(80, begin).toISOString() })
    expect(world.situation.plan.mintAt).toEqual(days(80, begin))
    world.goTo(days(79, begin))
    expect(world.told()).toEqual(['notice due 30', 'notice due 14', 'notice blocked 14'])
    world.goTo(days(81, begin))
    expect(world.key(other).state).toBe('expired')
    expect(world.told()).toEqual(['started'])
  })

  test('that cannot mint beside an old key whose grace goes on says so, tells when it can, and mints then', () => {
    const world = new Simulation(begin, { everyDays, graceHours: 24 * 80 })
    const old = world.active()
    world.goTo(days(76, begin))
    const next = world.running?.to ?? old
    expect(world.situation.plan.mintAt).toBeNull()
    world.use(next)
    world.told()
    const [due, mint] = [days(166, begin), days(152, begin)]
    expect(world.situation.plan).toMatchObject({ dueAt: due, mintAt: days(156, begin) })
    world.goTo(mint)
    expect(world.told()).toEqual(['notice due 30', 'notice due 14', 'notice blocked 14'])
    world.use(old, days(150, begin))
    world.goTo(days(156, begin))
    expect(world.told()).toEqual(['extended', 'notice still-used 80'])
    expect(world.situation.plan.mintAt).toEqual(days(236, begin))
    world.act((situation, moment) => finish(situation, { force: false }, moment))
    expect(world.told()).toEqual(['finished old-ended-by-operator', 'started'])
    expect(world.running?.from).toBe(next)
  })

  test('waits for the end of an old key whose grace is over, and does not call that blocked', () => {
    const world = new Simulation(begin, { everyDays, graceHours: 24 * 75 })
    const old = world.active()
    world.goTo(days(76, begin))
    world.use(world.running?.to ?? old)
    world.told()
    world.heard = 'not yet'
    world.sleepTo(days(153, begin))
    expect(world.told()).toEqual(['notice due 13'])
    world.heard = 'yes'
    world.settle()
    expect(world.told()).toEqual(['finished old-unused', 'started'])
  })

  test('set for a key that is older than it allows starts at once', () => {
    const world = new Simulation(begin)
    world.active()
    world.goTo(days(200, begin))
    world.change({ plan: { ...world.situation.plan, everyDays } })
    expect(world.told()).toEqual(['notice overdue 110', 'started'])
    expect(world.running?.startedBy).toEqual({ kind: 'schedule' })
  })

  test('rests while its connection is disabled', () => {
    const world = new Simulation(begin, { everyDays })
    world.active()
    world.change({ connection: { ...world.situation.connection, state: 'disabled' } })
    world.goTo(days(100, begin))
    expect(world.told()).toEqual([])
    expect(world.situation.plan.dueAt).toBeNull()
    world.change({ connection: { ...world.situation.connection, state: 'enabled' } })
    expect(world.told()).toEqual(['notice overdue 10', 'started'])
  })

  test('counts a key that expires before its turn as due then; without a schedule it is only told of', () => {
    const policy = { ...defaultPolicy, expiresAt: days(50, begin).toISOString() }
    const scheduled = new Simulation(begin, { everyDays })
    scheduled.active(policy)
    scheduled.goTo(days(40, begin))
    expect(scheduled.told()).toEqual(['notice expires 30', 'notice expires 14', 'started'])
    const told = new Simulation(begin)
    told.active(policy)
    told.goTo(days(60, begin))
    expect(told.told()).toEqual(['notice expires 30', 'notice expires 14', 'notice expires 7', 'notice expires 1'])
  })

  test('keeps the text of what it minted, sealed, until the key is used or ends', () => {
    const used = new Simulation(begin, { everyDays })
    used.active()
    used.goTo(days(76, begin))
    const next = used.situation.keys.find(({ state }) => state === 'pending')
    expect(next?.unrevealed).toEqual(expect.any(String))
    if (next === undefined) return
    used.use(next.kid)
    expect(used.key(next.kid).unrevealed).toBeNull()

    const ended = new Simulation(begin, { everyDays })
    ended.active()
    ended.goTo(days(76, begin))
    ended.act(cancel)
    expect([...ended.keys.values()].map(({ state, unrevealed }) => [state, unrevealed])).toEqual([
      ['active', null],
      ['cancelled', null],
    ])
  })

  test('the notices before a rotation and its own events are of one subject, counted without a gap', () => {
    const world = new Simulation(begin, { everyDays })
    world.active()
    world.goTo(days(76, begin))
    const next = world.running?.to
    if (next !== undefined) world.use(next)
    world.goTo(hours(73, world.now))
    const rotations = world.events.filter(({ name }) => name.startsWith('rotation.'))
    expect(new Set(rotations.map(({ subject }) => subject)).size).toBe(1)
    expect(rotations.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5])
  })
})
