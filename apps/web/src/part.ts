/** A part of the page that is loaded when it is needed did not come: there is no network, or the server has a newer version only. */
export class PartMissing extends Error {
  override readonly name = 'PartMissing'
}

/** Gives a part of the page that is being loaded. Throws PartMissing. */
export async function part<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading
  } catch (cause) {
    throw new PartMissing('a part of the page could not be loaded', { cause })
  }
}
