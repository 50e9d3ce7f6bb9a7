/** Returns a text with a full stop, unless it ends in a punctuation mark. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
