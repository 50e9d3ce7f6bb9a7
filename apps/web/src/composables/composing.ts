/**
 * Reports whether a key belongs to an input method. Safari ends a composition before the Enter that ends it, so that
 * `isComposing` is false there, but its key code is 229 (https://www.w3.org/TR/uievents/#determine-keydown-keyup-keyCode).
 */
export function isComposing(event: KeyboardEvent): boolean {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else tells it in Safari
  return event.isComposing || event.keyCode === 229
}
