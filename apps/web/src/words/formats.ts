/** Forms of a phrase by the plural category of its number, which replaces `#`. */
export type Forms = Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>

export interface Formats {
  /** For a count: 0, 1, 2, … */
  number: (n: number) => string
  /** Returns the form for a number, with the number in it. */
  plural: (n: number, forms: Forms) => string
  /** Formats a time in the past, in the largest unit that fits. */
  ago: (seconds: number) => string
  /** Formats a date and time of RFC 3339 in this device's time zone; returns an invalid one unchanged. */
  when: (at: string) => string
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]]

/** Returns the formats of numbers, plurals and times in a language. */
export function formats(language: string): Formats {
  // Created at the first use: the first one costs a phone more than everything else before the page's first paint.
  const numbers = once(() => new Intl.NumberFormat(language))
  const rules = once(() => new Intl.PluralRules(language))
  const dates = once(() => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }))
  const relative = once(() => new Intl.RelativeTimeFormat(language))
  // Below a thousand every language of the page writes only digits; words.test.ts compares.
  const number = (n: number) => (n < 1000 ? String(n) : numbers().format(n))
  return {
    number,
    when: (at) => (Number.isNaN(Date.parse(at)) ? at : dates().format(new Date(at))),
    plural: (n, forms) => (forms[rules().select(n)] ?? forms.other).replace('#', () => number(n)),
    ago(seconds) {
      const [unit, length] = units.find(([, length]) => seconds >= length) ?? ['second', 1]
      return relative().format(-Math.floor(seconds / length), unit)
    },
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
