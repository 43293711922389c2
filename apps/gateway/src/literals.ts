import { Diagnosis, dialects, parseFilter } from '#libs/scim/index'

/** What any caller's filter may hold. */
const mostTolerant = dialects.find(({ tolerances }) => tolerances.comparedValuePaths)

/** Whether it is read as a filter, from some caller at least. */
export function isFilter(text: string): boolean {
  try {
    parseFilter(text, new Diagnosis(mostTolerant))
    return true
  } catch {
    return false
  }
}

/** Whether it is the path of an attribute, a value path included. */
export function isPath(text: string): boolean {
  const open = text.indexOf('[')
  if (open === -1) return attribute.test(text)
  const close = text.lastIndexOf(']')
  return (
    attribute.test(text.slice(0, open)) &&
    /^(\.[A-Za-z$][\w$-]*)?$/.test(text.slice(close + 1)) &&
    isFilter(text.slice(open + 1, close))
  )
}

const attribute = /^([A-Za-z][\w.:/%+~#-]*:)?[A-Za-z$][\w$-]*(\.[A-Za-z$][\w$-]*)?$|^urn:[\w.:/%+~#-]*:[\w.-]+$/i

/** The last name of a path in small letters: "type" of emails[value eq "x"].type and of emails.type. */
export function lastName(path: string): string {
  return /[\w$-]+$/.exec(path)?.[0].toLowerCase() ?? ''
}

/**
 * A filter or path in which each value is replaced by what `put` gives for it and for the last name of the attribute that it is compared
 * with; all else stays as it was written. The text is one that `isFilter` or `isPath` is true of.
 */
export function withValues(text: string, put: (value: string, name: string) => string): string {
  let awaited: 'attribute' | 'operator' | 'value' | 'and' = 'attribute'
  let name = ''
  return text.replace(token, (part, literal?: string, word?: string) => {
    if (literal === undefined && word === undefined) {
      awaited = part === '[' || part === '(' ? 'attribute' : 'and'
      return part
    }
    switch (awaited) {
      case 'attribute':
        if (part.toLowerCase() === 'not') return part
        name = lastName(part)
        awaited = 'operator'
        return part
      case 'operator':
        awaited = part.toLowerCase() === 'pr' ? 'and' : 'value'
        return part
      case 'value':
        awaited = 'and'
        return literal === undefined ? put(part, name) : JSON.stringify(put(contentOf(literal), name))
      case 'and':
        // What follows a value path is an attribute again: emails[type eq "work"].value eq "x".
        awaited = part.startsWith('.') ? 'operator' : 'attribute'
        if (awaited === 'operator') name = lastName(part)
        return part
    }
  })
}

/** As `parseFilter` divides it: a string, a word, or a bracket; between them are spaces. */
const token = /("(?:[^"\\]|\\.)*")|([^ ()[\]"\t\r\n]+)|[()[\]]/gs

function contentOf(literal: string): string {
  const content: unknown = JSON.parse(literal)
  return typeof content === 'string' ? content : ''
}
