/** A piece of a title: a link or plain text. */
export interface Piece {
  readonly text: string
  readonly address: string | null
}

const web = /\bhttps?:\/\/[^\s<>"`“”„«»]+/giu

/** Returns an address without the sentence's punctuation at its end; a closing bracket stays if the address opens it. */
function bare(address: string): string {
  for (;;) {
    const last = address.slice(-1)
    const open = { ')': '(', ']': '[', '}': '{' }[last]
    const ends = open === undefined ? /[^\P{P}/\-_%&#@*\\]/u.test(last) : address.split(last).length > address.split(open).length
    if (!ends) return address
    address = address.slice(0, -1)
  }
}

/** Splits a title into web addresses and the text between them. The pieces joined are the title. */
export function pieces(title: string): Piece[] {
  const found: Piece[] = []
  let end = 0
  const plain = (to: number) => {
    if (to > end) found.push({ text: title.slice(end, to), address: null })
  }
  for (const { 0: match, index } of title.matchAll(web)) {
    const text = bare(match)
    if (!URL.canParse(text)) continue
    plain(index)
    found.push({ text, address: text })
    end = index + text.length
  }
  plain(title.length)
  return found
}
