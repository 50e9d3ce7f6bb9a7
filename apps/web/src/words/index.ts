import { computed, shallowRef } from 'vue'
import { followPreference, prefer, preference } from '@/outbox/preferences'
import { part } from '@/part'
import { en, type Words } from './en'
import type { PartWords } from './parts/en'

// The words of another language are loaded when it is chosen.
export const languages = {
  en: { name: 'English', manifest: './manifest.webmanifest', load: () => Promise.resolve(en), loadParts: async () => (await import('./parts/en')).enParts },
  'pt-BR': { name: 'Português', manifest: './manifest.pt-BR.webmanifest', load: async () => (await part(import('./pt-BR'))).ptBR, loadParts: async () => (await import('./parts/pt-BR')).ptBRParts },
} as const satisfies Record<string, { name: string; manifest: string; load: () => Promise<Words>; loadParts: () => Promise<PartWords> }>

export type Language = keyof typeof languages

const current = shallowRef<{ readonly language: Language; readonly words: Words; readonly parts?: PartWords | undefined }>({ language: 'en', words: en })

export const language = computed(() => current.value.language)

/** The page's initial words in the chosen language. */
export const words = computed<Words>(() => current.value.words)

/** Words of the parts that `usePart` loads; it loads these words first. Other code may not read them. */
export const partWords = computed(() => current.value.parts as PartWords)

/** Loads `partWords`. */
export async function loadPartWords(): Promise<void> {
  while (!current.value.parts) {
    const { language: asked } = current.value
    const parts = await languages[asked].loadParts()
    if (asked === current.value.language) current.value = { ...current.value, parts } // another language may have been chosen meanwhile
  }
}

/**
 * Returns the first of the wanted languages that the page has, whatever its region: European Portuguese
 * becomes Brazilian Portuguese. English if the page has none.
 */
export function firstKnown(wanted: readonly string[]): Language {
  const known = Object.keys(languages) as Language[]
  const base = (tag: string) => tag.toLowerCase().split('-', 1)[0]
  for (const tag of wanted) {
    const match = known.find((name) => base(name) === base(tag))
    if (match) return match
  }
  return 'en'
}

/** Uses the language chosen on this device, or the first of the browser's that the page has. Throws if its words cannot be loaded. */
export async function useLanguage(): Promise<void> {
  followPreference('language', (chosen) => void show(firstKnown([chosen])))
  const chosen = preference('language')
  await show(firstKnown(chosen === null ? navigator.languages : [chosen, ...navigator.languages]))
}

/** Uses a language, and stores the choice on this device. Throws as `useLanguage` does. */
export async function chooseLanguage(chosen: Language): Promise<void> {
  prefer('language', chosen)
  await show(chosen)
}

let wanted: Language = 'en'

async function show(chosen: Language) {
  wanted = chosen
  const { load, loadParts } = languages[chosen]
  const [words, parts] = await Promise.all([load(), current.value.parts && part(loadParts())])
  if (chosen !== wanted) return // another was chosen meanwhile
  current.value = { language: chosen, words, parts }
  document.documentElement.lang = chosen
  // The description of the installed app.
  document.querySelector('link[rel=manifest]')?.setAttribute('href', languages[chosen].manifest)
}
