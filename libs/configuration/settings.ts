import { resolve } from 'node:path'
import { parseDuration } from './duration.ts'

/** One variable of a program: how its text is read and how it is told to people. */
export interface Setting<T> {
  readonly about: string
  /** What the variable should hold, as the end of the sentence "it should hold ...". */
  readonly expected: string
  /** The default in the form the variable would hold it. */
  readonly default: string | undefined
  readonly optional: boolean
  /** A secret's text never appears in a fault. */
  readonly secret: boolean
  /** Where one of these is set, this one must be, too. */
  readonly goesWith: readonly string[]
  /**
   * Undefined when the text is not what is expected.
   * @throws Unfit
   */
  read(text: string): T | undefined
}

interface Required {
  readonly about: string
  readonly goesWith?: readonly string[]
}
interface WithDefault<D> extends Required {
  readonly default: D
}
interface Optional extends Required {
  readonly optional: true
}
type Options<D> = Required | WithDefault<D> | Optional

/** What the program gets: the value, or undefined too where the setting is optional. */
type Read<O, T> = O extends Optional ? T | undefined : T

function declare<O extends Options<string | number>, T>(
  options: O,
  how: { readonly expected: string; readonly secret?: boolean; read(text: string): T | undefined },
): Setting<Read<O, T>> {
  const fallback = 'default' in options ? String(options.default) : undefined
  if (fallback !== undefined && how.read(fallback) === undefined) {
    throw new TypeError(`the default ${JSON.stringify(fallback)} is not ${how.expected}`)
  }
  return {
    about: options.about,
    expected: how.expected,
    default: fallback,
    optional: 'optional' in options,
    secret: how.secret ?? false,
    goesWith: options.goesWith ?? [],
    read: (text) => how.read(text) as Read<O, T> | undefined,
  }
}

/**
 * The kinds of variables. Each takes `about`, perhaps `goesWith`, and either a `default` (written as the variable would hold it), or
 * `optional: true`, or neither: then the variable must be set.
 */
export const setting = {
  /** Any text but the empty one. */
  text: <O extends Options<string>>(options: O & { readonly secret?: boolean }) =>
    declare(options, { expected: 'some text', secret: options.secret ?? false, read: (text) => text }),

  /** Text of at least `length` characters (16 unless told) that no fault shows. */
  secret: <O extends Options<string>>(options: O & { readonly length?: number }) => {
    const length = options.length ?? 16
    return declare(options, {
      expected: `a secret of at least ${length} characters without spaces`,
      secret: true,
      read: (text) => (text.length >= length && !/\s/.test(text) ? text : undefined),
    })
  },

  /** A TCP port; 0 lets the system choose one. */
  port: <O extends Options<number>>(options: O) =>
    declare(options, { expected: 'a port from 0 to 65535', read: (text) => integer(text, 0, 65_535) }),

  integer: <O extends Options<number>>(options: O & { readonly min: number; readonly max: number }) =>
    declare(options, {
      expected: `a whole number from ${options.min} to ${options.max}`,
      read: (text) => integer(text, options.min, options.max),
    }),

  /** A duration in words ("30d", "5s", "250ms"), read as milliseconds. */
  duration: <O extends Options<string>>(options: O & { readonly min?: string; readonly max?: string }) => {
    const min = parseDuration(options.min ?? '0ms') ?? 0
    const max = parseDuration(options.max ?? '36500d') ?? Number.MAX_SAFE_INTEGER
    const limits = [options.min && `at least ${options.min}`, options.max && `at most ${options.max}`].filter(Boolean)
    return declare(options, {
      expected: ['a duration such as 250ms, 5s, 10m, 12h or 30d', ...limits].join(', '),
      read: (text) => {
        const duration = parseDuration(text)
        return duration !== undefined && duration >= min && duration <= max ? duration : undefined
      },
    })
  },

  /** An absolute URL of one of the schemes, kept as it was written. One with a password in it is never shown. */
  url: <O extends Options<string>>(options: O & { readonly schemes: readonly string[]; readonly secret?: boolean }) =>
    declare(options, {
      expected: `a URL that begins with ${options.schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
      secret: options.secret ?? false,
      read: (text) => {
        const url = URL.parse(text)
        const scheme = url?.protocol.slice(0, -1)
        return scheme !== undefined && options.schemes.includes(scheme) && url?.host !== '' ? text : undefined
      },
    }),

  /** An http or https address that paths are appended to, read without slashes at its end. */
  baseUrl: <O extends Options<string>>(options: O) =>
    declare(options, {
      expected: 'a URL that begins with http:// or https://, without user name, query and fragment',
      read: (text) =>
        /^https?:\/\/[^\s@?#\\]+$/i.test(text) && URL.canParse(text) ? text.replace(/\/+$/, '') : undefined,
    }),

  /** Parts separated by commas, each of which matches; spaces around a part and empty parts do not count. */
  list: <O extends Options<string>>(options: O & { readonly of: string; readonly each: RegExp }) =>
    declare(options, {
      expected: `${options.of}, or several separated by commas`,
      read: (text): readonly string[] | undefined => {
        const parts = text
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== '')
        return parts.every((part) => options.each.test(part)) ? Object.freeze(parts) : undefined
      },
    }),

  oneOf: <const V extends string, O extends Options<NoInfer<V>>>(values: readonly V[], options: O) =>
    declare(options, {
      expected: `one of ${values.join(', ')}`,
      read: (text) => values.find((value) => value === text),
    }),

  /** `true` or `false`. */
  flag: <O extends Options<'true' | 'false'>>(options: O) =>
    declare(options, {
      expected: 'true or false',
      read: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
    }),

  /** What a program reads by a parser of its own, which gives undefined for what is not `expected`. */
  parsed: <T, O extends Options<string>>(
    options: O & { readonly expected: string; readonly secret?: boolean; read(text: string): T | undefined },
  ) => declare(options, { expected: options.expected, secret: options.secret ?? false, read: options.read }),

  /** A folder, read as an absolute path; whether it exists and can be written is for its user to find out. */
  folder: <O extends Options<string>>(options: O) =>
    declare(options, {
      expected: 'the path of a folder',
      read: (text) => (text.includes('\0') ? undefined : resolve(text)),
    }),
} as const

/** The setting, in a program that cannot do without it. */
export function required<T>(declared: Setting<T | undefined>): Setting<T> {
  return { ...declared, optional: false }
}

function integer(text: string, min: number, max: number): number | undefined {
  if (!/^-?\d{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return value >= min && value <= max ? value : undefined
}
