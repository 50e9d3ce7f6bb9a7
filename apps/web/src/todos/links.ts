/** A piece of a title, which leads to an address or not. */
export interface Piece {
  readonly text: string
  readonly address: string | null
}

// Punctuation at the end belongs to the sentence, not to the address.
const web = /\bhttps?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?)\]}…]/giu

/** Cuts a title where addresses of the web begin and end. Together the pieces are the title. */
export function pieces(title: string): Piece[] {
  const found: Piece[] = []
  let end = 0
  const plain = (to: number) => {
    if (to > end) found.push({ text: title.slice(end, to), address: null })
  }
  for (const { 0: text, index } of title.matchAll(web)) {
    if (!URL.canParse(text)) continue
    plain(index)
    found.push({ text, address: text })
    end = index + text.length
  }
  plain(title.length)
  return found
}
