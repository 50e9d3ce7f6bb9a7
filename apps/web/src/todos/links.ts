/** A piece of a title, which leads to an address or not. */
export interface Piece {
  readonly text: string
  readonly address: string | null
}

const web = /\bhttps?:\/\/[^\s<>"`“”„«»]+/giu

/** An address without the punctuation at its end that belongs to the sentence: a bracket stays where the address has opened it. */
function bare(address: string): string {
  for (;;) {
    const last = address.slice(-1)
    const open = { ')': '(', ']': '[', '}': '{' }[last]
    const ends = open === undefined ? /[^\P{P}/\-_%&#@*\\]/u.test(last) : address.split(last).length > address.split(open).length
    if (!ends) return address
    address = address.slice(0, -1)
  }
}

/** Cuts a title where addresses of the web begin and end. Together the pieces are the title. */
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
