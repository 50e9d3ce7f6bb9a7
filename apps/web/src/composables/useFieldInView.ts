import { scopeSignal } from './scopeSignal'

/** Keeps the field that is typed in above the keyboard of the screen, and in view when a telephone is turned or the page is made larger, until the scope it is called in ends. */
export function useFieldInView(): void {
  const show = () => {
    const { activeElement } = document
    if (activeElement?.matches('.new-todo, .edit, .list-title')) activeElement.scrollIntoView({ block: 'nearest' })
  }
  window.visualViewport?.addEventListener('resize', show, { signal: scopeSignal() })
}
