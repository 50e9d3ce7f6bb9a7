import { formats } from '../formats'

const { number, plural, when } = formats('en')

const items = (n: number) => plural(n, { one: '# item', other: '# items' })

/** Words in English of the parts that are loaded at their first use. */
export const enParts = {
  /** Sharing of a private list. */
  share: {
    title: 'Share this list',
    edit: 'Link to edit',
    editAbout: 'Everyone who has it can change the list.',
    read: 'Link to look',
    readAbout: 'Everyone who has it sees the list as it changes, and cannot change it.',
    openLink: 'Link to the list',
    openAbout: 'Everyone who knows it sees the list and can change it.',
    copy: 'Copy',
    send: 'Send…',
    code: 'QR code',
    codeOf: (link: string) => `QR code: ${link}`,
    secret: 'The key is the part after the # sign. Treat it as a password: it cannot be revoked, only replaced by a new one.',
  },

  /** Pasting several lines. */
  paste: {
    room: (most: number, room: number) => `A list can have at most ${items(most)}, and this one has room for ${number(room)} more.`,
    longLines: (n: number) => `${plural(n, { one: 'One of the lines is', other: '# of the lines are' })} too long for a title, and would be left out.`,
    pasted: (n: number) => `${plural(n, { one: '# line was', other: '# lines were' })} pasted.`,
    addFirst: (n: number) => `Add the first ${number(n)}`,
    addAll: (n: number) => `Add ${items(n)}`,
    oneLine: 'Put them on one line',
  },

  /** Saving a copy of the list as a file. */
  save: {
    about: 'Save a copy:',
    text: 'Text',
    markdown: 'Markdown',
    json: 'JSON',
  },

  /** Moving a list to a new one with a new key. */
  move: {
    newKey: 'Make a new key',
    newKeyAbout: 'A new key closes the links sent before. The list is copied to a new one, and this one is erased with its history. Send the new links to everyone who should keep the list.',
    toKey: 'Move to a list with a key',
    toKeyAbout: 'The name of this list is its only protection, and names stand in logs and histories. Moving copies the list to a new one with a key, and erases this one with its history. Send the new link to everyone who should keep the list.',
    busy: 'Moving…',
    notReady: 'Possible when the server has all changes.',
    failed: (why: string) => `The list was not moved, and nothing is lost. ${why}`,
  },

  keys: {
    add: 'Add an item',
    undo: 'Undo the last change; again for the one before',
    buttons: 'Go to an item’s buttons',
    rows: 'Go to another item; on ⠿, move the item',
    ends: 'Go to the first or last item; on ⠿, move the item there',
    enter: 'Save a title, or press a button',
    escape: 'Leave a title as it was',
    help: 'Show this list',
    single: 'Use / and ?',
  },

  storage: {
    silent: 'The page’s storage does not answer.',
    full: 'There is no space left on this device to keep unsaved changes.',
    newer: 'A newer version of this page has used this browser’s storage. Reload the page.',
    closed: 'This browser has closed the page’s storage. Reload the page.',
    forbidden: 'This browser does not let the page keep anything on this device.',
    unkept: 'Keep this page open until it says “saved”, or what is not yet on the server is lost.',
    onServer: 'Changes are saved on the server alone; keep the page open while it says that some are waiting.',
  },

  refusal: {
    change: 'A change',
    more: (what: string, n: number) => `${what} and ${number(n)} more`,
    listTitle: 'The title of the list',
    renamed: (was: string, theirs: string, yours: string) => `${was} was renamed to ${theirs} elsewhere, while you renamed it to ${yours}. The list shows ${theirs}.`,
    use: (title: string) => `Use ${title}`,
    keep: (title: string) => `Keep ${title}`,
    deleted: (what: string, title: string) => `${what} was deleted by someone else, so your change to it could not be kept${title ? ` (${title})` : ''}.`,
    undone: {
      setTitle: (what: string, why: string) => `The list could not be named ${what}, and its title was put back: ${why}`,
      create: (what: string, why: string) => `${what} could not be added, and was put back: ${why}`,
      update: (what: string, why: string) => `${what} could not be changed, and was put back: ${why}`,
      delete: (what: string, why: string) => `${what} could not be deleted, and was put back: ${why}`,
      all: (what: string, why: string) => `${what} could not be made, and was put back: ${why}`,
    },
    why: (detail: string) => detail || 'the server refused',
    again: 'Try again',
  },

  /** The panel with the list's history. */
  removed: {
    nothing: 'Nothing that was removed is missing.',
    unknown: 'The history could not be loaded; open this again to try again.',
    when,
    by: (name: string) => `by ${name}`,
    more: (n: number) => `and ${number(n)} more`,
    restore: (n: number) => `Bring back ${items(n)}`,
  },
}

export type PartWords = typeof enParts
