/**
 * Copies a text, and reports whether it succeeded. Without TLS, browsers have no clipboard API: the text is then copied from a visible field, which
 * stays selected if that also fails.
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
