import { onMounted, useTemplateRef, watch, type ShallowRef } from 'vue'

/**
 * Shows the element of the component's ref `dialog` when the component, which is loaded at its first use, is mounted, and each
 * time `asked` changes. Returns the element: a component cannot use a ref's name twice.
 * @param prepare called before the element is shown
 */
export function useDialog(asked: () => number, prepare: () => unknown = () => undefined): Readonly<ShallowRef<HTMLDialogElement | null>> {
  const dialog = useTemplateRef<HTMLDialogElement>('dialog')
  function show() {
    void prepare()
    dialog.value?.showModal()
  }
  onMounted(show)
  watch(asked, show, { flush: 'post' })
  return dialog
}
