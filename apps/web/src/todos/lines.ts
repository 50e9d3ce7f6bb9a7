import { cleanTitle, type Draft } from './todo'

// Bullets of Markdown and of word processors, numbers, task boxes, characters that look like boxes, and the mark with dates of todo.txt.
const bullet = /^(?:[-*+\u00B7\u2013\u2022\u2023\u25A0\u25AA\u25AB\u25CF\u25E6]|o(?=\t)|\d{1,4}[.)])\s+/u
const box = /^(?:\[(?<check>[ xX])\]|(?<done>[\u2611\u2612\u2705\u2713\u2714\u{1F5F9}]\uFE0F?)|[\u2610\u25A1\u25CB\u25EF])\s+/u
const todoTxt = /^x\s+(?:\d{4}-\d{2}-\d{2}\s+){0,2}/

/** Returns an item for each line that is not blank, without bullets, numbers and boxes. */
export function itemsInLines(text: string): Draft[] {
  return text.split(/\r\n|[\n\r\u2028\u2029]/).map(itemInLine).filter(({ title }) => title !== '')
}

function itemInLine(line: string): Draft {
  const bare = line.trim().replace(bullet, '')
  const mark = box.exec(bare) ?? todoTxt.exec(bare)
  // todo.txt marks only completed items, and its pattern has no groups.
  const { check, done } = mark?.groups ?? { check: mark ? 'x' : undefined, done: undefined }
  // A mark without a title is a title.
  const title = cleanTitle(bare.slice(mark?.[0].length ?? 0)) || cleanTitle(line)
  return { title, completed: done !== undefined || check?.toLowerCase() === 'x' }
}
