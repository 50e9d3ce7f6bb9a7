import { formats } from './formats'

const { ago, number, plural } = formats('en')

const items = (n: number) => plural(n, { one: '# item', other: '# items' })
const changes = (n: number) => plural(n, { one: '# change', other: '# changes' })

/** The page's initial words in English. The other languages have the same members. */
export const en = {
  app: 'todos',
  failed: 'This page has failed. Changes kept on this device are not lost; reload the page to go on.',
  partMissing: 'This part of the page could not be loaded. Connect this device and try again, or reload the page. Changes kept on this device are not lost.',
  reload: 'Reload',
  undo: 'Undo',
  dismiss: 'Dismiss',
  close: 'Close',
  cancel: 'Cancel',
  newVersion: 'A new version of this page is ready.',
  language: 'Language',

  list: {
    label: 'List:',
    copyLink: 'Copy link',
    copied: 'Copied',
    linkCopied: 'Link copied.',
    link: 'Link to this list',
    share: 'Share',
    moved: 'The list is at a new address now, and the old one is erased. Send the new link to everyone who shares it.',
    saveCopy: 'Save a copy',
    keys: 'Keys',
    removed: 'Recently removed',
    private: 'Private list',
    here: (n: number) => `${number(n)} here`,
    hereAbout: (n: number) => `At least ${number(n)} browsers show this list now, this one included.`,
    title: 'Title of this list',
    rename: 'Name this list',
    none: 'There is no such list.',
    noneHint: (problem: string) => `${problem} Choose another below; nothing was written.`,
    loading: 'Loading…',
    notLoaded: 'This list could not be loaded yet.',
    keepsTrying: 'The page keeps trying. What you add meanwhile is kept on this device and joins the list then.',
    tryNow: 'Try now',
    signIn: 'Sign in',
    erased: 'This list was erased, or the server went back to an older state of it. An erased list usually has a new link: ask the person who shares it. What this page showed last can be saved as a file.',
    wentBack: (n: number) => `The server went back to an older state of this list. ${plural(n, { one: 'One item is', other: '# items are' })} no longer in it.`,
  },

  person: {
    signedIn: (name: string) => `Signed in as ${name}.`,
    signOut: 'Sign out',
  },

  name: {
    empty: 'The name of a list cannot be empty.',
    tooLong: (most: number, length: number) => `The name of a list can have at most ${number(most)} characters; this one has ${number(length)}.`,
    control: 'The name of a list cannot contain line breaks or other control characters.',
    slash: 'The name of a list cannot contain / or \\.',
    dots: 'The name of a list cannot be . or ..',
    surrogate: 'The name of a list contains half of a character.',
  },

  /** The key of a private list. */
  key: {
    cannotOpen: 'This list cannot be opened.',
    askAgain: (problem: string) => `${problem} Ask for the link again, and open the whole of it: the key is what follows the # sign.`,
    incomplete: 'The key in this address is not complete.',
    ofAnother: 'The key in this address is of another list.',
    missing: 'This list is private, and this address has no key.',
  },

  chooser: {
    welcome: 'Welcome',
    open: ['This is the list', '. Everyone who opens this page sees it and may change it.'],
    private: 'A private list has an address that nobody guesses. Everyone you send it to shares the list with you, live.',
    newPrivate: 'New private list',
    byName: 'Open a list by its name',
    openIt: 'Open',
    others: 'Other lists',
    waiting: (n: number) => `${number(n)} waiting`,
    refused: (n: number) => `${number(n)} refused`,
    forgotten: (name: string) => `${name} is no longer among the lists of this device. What is in it stays.`,
    forget: (name: string) => `Forget the list ${name} on this device`,
    hintTouch: 'Tap ✎ to edit a todo and × to delete it; drag ⠿ to move it.',
    hintMouse: 'Double-click to edit a todo. By keyboard: Tab to an item, arrow keys to its buttons; ? lists all keys.',
  },

  entry: {
    what: 'What needs to be done?',
    full: (most: number) => `This list is full: it has ${items(most)}. Delete or clear some first; nothing you typed is lost.`,
    tooLong: (most: number, length: number) => `A title can have at most ${number(most)} characters; this one has ${number(length)}. Nothing is lost: shorten it and press Enter.`,
  },

  items: {
    label: 'Items',
    toggleAll: 'Mark all as complete',
    left: (n: number) => plural(n, { one: 'item left', other: 'items left' }),
    all: 'All',
    active: 'Active',
    completed: 'Completed',
    clearCompleted: 'Clear completed',
    unseen: 'It is not in view.',
    show: 'Show it',
  },

  item: {
    toggle: (title: string) => `Toggle Todo: ${title}`,
    edit: 'Edit',
    editIt: (title: string) => `Edit ${title}`,
    move: 'Drag, press, or use the arrow keys',
    moveIt: (title: string) => `Move ${title}: press to move it up, or use the arrow keys`,
    delete: 'Delete',
    deleteIt: (title: string) => `Delete ${title}`,
    position: (title: string, place: number, of: number) => `${title}: ${number(place)} of ${number(of)}.`,
    deletedMeanwhile: 'Someone has deleted this item meanwhile. Enter adds it again with your text; Escape lets it go.',
    changedMeanwhile: ['Someone has changed this item meanwhile to “', '”. Enter saves yours instead; Escape keeps theirs.'],
    addAgain: 'Add it again',
    saveMine: 'Save mine',
    letGo: 'Let it go',
    keepTheirs: 'Keep theirs',
  },

  status: {
    connecting: { text: 'connecting…', detail: 'Asking the server for the list.' },
    waiting: (n: number) => ({ text: `${changes(n)} waiting`, detail: `${changes(n)} not yet on the server: sent as soon as it answers, and kept until then.` }),
    saving: (n: number) => ({ text: 'saving…', detail: `${changes(n)} on the way to the server.` }),
    fromMemory: { text: 'saved, perhaps not current', detail: 'The server cannot reach its store.' },
    elsewhere: (n: number) => ({
      text: `saved here, ${number(n)} waiting in other lists`,
      detail: `This list is on the server. ${changes(n)} of other lists not yet: sent as soon as the server takes them.`,
    }),
    saved: { text: 'saved', detail: 'Everything is on the server.' },
    offline: { text: 'offline', detail: 'No contact with the server. What you change is kept here until there is.' },
    offlineWaiting: (n: number) => `offline, ${changes(n)} waiting`,
    trouble: { text: 'server trouble', detail: 'The server answers, but cannot do its work. What you change is kept here until it can.' },
    /** For read-only lists. */
    reader: {
      saved: { text: 'up to date', detail: 'What is shown is the list as the server has it.' },
      fromMemory: { text: 'perhaps not current', detail: 'The server cannot reach its store.' },
      offline: { text: 'offline', detail: 'No contact with the server.' },
      trouble: { text: 'server trouble', detail: 'The server answers, but cannot do its work.' },
    },
    asOf: (text: string, seconds: number) => `${text}, list as of ${ago(seconds)}`,
    shownAsOf: (detail: string, seconds: number) => `${detail} What is shown is the list as of ${ago(seconds)}.`,
    connected: 'Connected.',
  },

  trouble: {
    unreachable: 'The server does not answer; perhaps this device has no network.',
    busy: (why: string) => (why ? `The server cannot answer now: ${why}` : 'The server cannot answer now.'),
    refused: (why: string) => `The server refuses what this page asks: ${why} It may be of another version; reloading the page can help.`,
    keyedOnly: 'This server has private lists only. Make a new one below.',
    readingKey: 'You may look at this list, and not change it.',
    wrongKey: 'The key in this address does not open this list. Ask for the link again.',
    ownSignIn: 'Sign in to see this list and to save what you changed. Your changes are kept on this device until then.',
    noStorage: 'To sign in, allow this page to store data on this device (cookies and site data), and load it again.',
    signIn: 'You may have to sign in again: a sign-in page answered in place of the list.',
    unreadable: (place: string) => `The answer is not one that this page understands${place ? ` (${place})` : ''}. The server may be of a newer version than this page, or a network’s sign-in page is in between. Reloading the page can help.`,
    nothingLost: (n: number) => `Nothing is lost: ${plural(n, { one: '# change is', other: '# changes are' })} kept on this device.`,
  },

  /** Sentences for screen readers about the person's actions. */
  done: {
    added: (title: string) => `Added ${title}.`,
    addedMany: (n: number) => `Added ${items(n)}.`,
    deleted: (title: string) => `Deleted ${title}.`,
    cleared: (n: number) => `Cleared ${plural(n, { one: '# completed item', other: '# completed items' })}.`,
    canBeUndone: (what: string) => `${what} It can be undone.`,
    broughtBack: (n: number) => `Brought back ${items(n)}.`,
    alreadyBack: 'They are in the list already.',
    undoneTitle: 'Undone: the list has its title of before.',
    undoneAdd: 'Undone: what was added is deleted.',
    undoneChange: (title: string) => `Undone: the change of ${title}.`,
    undoneComplete: 'Undone: the items are active again.',
    undoneReopen: 'Undone: the items are completed again.',
    undoneMove: (title: string) => `Undone: the move of ${title}.`,
    nothingToUndo: 'There is nothing to undo.',
    undoUnknown: 'What to undo could not be found out: the server did not tell the history.',
  },

  /** Changes to a list made elsewhere. */
  news: {
    elsewhere: (parts: string) => `Elsewhere: ${parts}.`,
    items,
    deletedItems: (n: number) => `${items(n)} deleted elsewhere.`,
    added: (what: string, _n: number) => `${what} added`,
    deleted: (what: string, _n: number) => `${what} deleted`,
    changed: (what: string, _n: number) => `${what} changed`,
    completed: (what: string, _n: number) => `${what} completed`,
    reopened: (what: string, _n: number) => `${what} reopened`,
    order: 'the order changed',
  },
}

export type Words = typeof en
