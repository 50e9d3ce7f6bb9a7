import { listActions, type ListActions } from './listActions'
import { useListState, type ListState } from './useListState'
import { useConnection, type Connection } from './useConnection'
import type { ListClient } from '@/api/client'
import type { Database } from '@/outbox/database'

export interface Options {
  readonly list: string
  /** Whether this page may change the list; only then what waits for it is sent. True unless set. */
  readonly editable?: boolean
  /** Gives the API; called again after it failed. */
  readonly connect: () => Promise<ListClient>
  readonly database: Promise<Database>
  /** Takes a sentence for screen readers about what changed. */
  readonly announce?: (sentence: string) => void
}

export type Todos = Omit<ListState, 'outbox' | 'current' | 'accept' | 'acceptEarlier' | 'reaffirm'> & Connection & ListActions

/** One list: its state, its connection to the server, and what a person does with it. Ends with the scope it is called in. */
export function useTodos({ list, editable = true, connect, database, announce = () => undefined }: Options): Todos {
  const state = useListState(list, database, announce)
  const connection = useConnection(list, state, connect, editable)
  return { ...state, ...connection, ...listActions(state, connection, announce) }
}
