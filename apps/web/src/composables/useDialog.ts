import { onMounted, useTemplateRef, watch, type ShallowRef } from 'vue'

/**
 * Shows the element of the component's ref `dialog` when the component, which is loaded when it is first asked for, is mounted, and each
 * time `asked` changes. Gives the element: a component cannot name a ref twice.
 * @param prepare is called before it shows
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
