/** The forms of a phrase by the plural category of its number. `#` stands for the number. */
export type Forms = Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>

export interface Formats {
  number: (n: number) => string
  /** The form for a number, with the number in it. */
  plural: (n: number, forms: Forms) => string
  /** A time in the past, in the largest unit that fits. */
  ago: (seconds: number) => string
  /** A date and time of RFC 3339, in this device's time zone; as it is when it cannot be read. */
  when: (at: string) => string
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]]

/** Numbers, plurals and times as a language has them. */
export function formats(language: string): Formats {
  const numbers = new Intl.NumberFormat(language)
  const rules = new Intl.PluralRules(language)
  const dates = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' })
  const relative = new Intl.RelativeTimeFormat(language)
  return {
    when: (at) => (Number.isNaN(Date.parse(at)) ? at : dates.format(new Date(at))),
    number: (n) => numbers.format(n),
    plural: (n, forms) => (forms[rules.select(n)] ?? forms.other).replace('#', () => numbers.format(n)),
    ago(seconds) {
      const [unit, length] = units.find(([, length]) => seconds >= length) ?? ['second', 1]
      return relative.format(-Math.floor(seconds / length), unit)
    },
  }
}
