import { listActions, type ListActions } from './listActions'
import { useListState, type ListState } from './useListState'
import { useConnection, type Connection } from './useConnection'
import type { ListClient } from '@/api/client'
import type { Database } from '@/outbox/database'

export interface Options {
  readonly list: string
  /** Whether this page may change the list and sends its waiting changes. True unless set. */
  readonly editable?: boolean
  /** Returns the API; called again after a failure. */
  readonly connect: () => Promise<ListClient>
  readonly database: Promise<Database>
  /** Announces a sentence about a change to screen readers. */
  readonly announce?: (sentence: string) => void
}

export type Todos = Omit<ListState, 'outbox' | 'current' | 'accept' | 'acceptEarlier' | 'reaffirm'> & Connection & ListActions

/** One list: its state, its connection to the server, and its actions. Ends with the scope it is called in. */
export function useTodos({ list, editable = true, connect, database, announce = () => undefined }: Options): Todos {
  const state = useListState(list, database, announce)
  const connection = useConnection(list, state, connect, editable)
  return { ...state, ...connection, ...listActions(state, connection, announce) }
}
