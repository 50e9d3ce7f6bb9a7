/**
 * Copies a text, and reports whether that worked. Without TLS browsers have no clipboard: then it copies from a field that shows the text, which
 * stays selected for the person when that fails too.
 */
export async function copy(text: string, shown: () => Promise<HTMLInputElement | null>): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    ;(await shown())?.select()
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- no other way works without TLS
    return document.execCommand('copy')
  }
}
