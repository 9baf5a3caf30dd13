/** Photos are made small before they are kept: an old phone's store and a slow line bear 300 KB, not 8 MB. */
import type { InjectionKey, Ref } from "vue";
import { createId, type Photo } from "./store";

const LONGEST_SIDE = 1600;
const WANTED_BYTES = 300_000;
const QUALITIES = [0.8, 0.65, 0.5];

export type Picture = Omit<Photo, "entry" | "sent">;
/** The photos of the form that is open. */
export const PICTURES: InjectionKey<Ref<Picture[]>> = Symbol("pictures");

/** The picture as a smaller JPEG, upright; other files as they are. */
export async function takePicture(file: File, service: string, at: Date = new Date()): Promise<Picture> {
  const small = file.type.startsWith("image/") ? await shrink(file) : null;
  const name = small ? `${file.name.replace(/\.[^.]*$/, "") || "照片"}.jpg` : file.name;
  const taken = new Date(Math.min(file.lastModified || at.getTime(), at.getTime()));
  const bytes = await (small ?? file).arrayBuffer();
  return { id: createId(at.getTime()), service, name, type: small ? "image/jpeg" : file.type, bytes, takenAt: taken.toISOString() };
}

async function shrink(file: File): Promise<Blob | null> {
  const address = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const scale = Math.min(1, LONGEST_SIDE / Math.max(image.naturalWidth, image.naturalHeight));
    if (scale === 1 && file.size <= WANTED_BYTES && file.type === "image/jpeg") return null;
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.naturalWidth * scale);
    canvas.height = Math.round(image.naturalHeight * scale);
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    let found: Blob | null = null;
    for (const quality of QUALITIES) {
      found = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
      if (found && found.size <= WANTED_BYTES) break;
    }
    return found;
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(address);
  }
}
