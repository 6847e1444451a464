// What a person chose as the build's folder, as the one tar that the hub takes.

const block = 512;
const name_bytes = 100;

export interface Named {
  name: string; // Inside the folder.
  bytes: Uint8Array;
}

// ustar, uncompressed.
export function tar(files: Named[]): Uint8Array {
  const padded = (bytes: number) => Math.ceil(bytes / block) * block;
  const size = files.reduce((sum, { bytes }) => sum + block + padded(bytes.length), 2 * block);
  const all = new Uint8Array(size);
  let at = 0;
  for (const { name, bytes } of files) {
    const put = (offset: number, text: string) => all.set(new TextEncoder().encode(text), at + offset);
    if (new TextEncoder().encode(name).length > name_bytes) throw new Error(`${name} has too long a name.`);
    put(0, name);
    put(100, '0000644\0');
    put(124, `${bytes.length.toString(8).padStart(11, '0')}\0`);
    put(148, '        ');
    put(156, '0');
    put(257, 'ustar\x0000');
    const sum = all.subarray(at, at + block).reduce((total, byte) => total + byte, 0);
    put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
    all.set(bytes, at + block);
    at += block + padded(bytes.length);
  }
  return all;
}

interface Chosen {
  webkitRelativePath: string;
  name: string;
  text(): Promise<string>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

// flasher_args.json and what it lists, of all that lies in the folder. What is missing the hub says.
export async function pack_build(chosen: Chosen[]): Promise<Uint8Array> {
  const path = (file: Chosen) => file.webkitRelativePath || file.name;
  const description = chosen.filter((file) => /(^|\/)flasher_args\.json$/.test(path(file))).sort((a, b) => path(a).length - path(b).length)[0];
  if (!description) throw new Error('There is no flasher_args.json in this folder. Choose the folder build/ that idf.py build has made.');
  const folder = path(description).slice(0, -'flasher_args.json'.length);
  const listed = await description.text().then((text) => JSON.parse(text) as { flash_files?: Record<string, unknown> }, () => ({ flash_files: undefined }))
    .catch(() => ({ flash_files: undefined }));
  const names = ['flasher_args.json', ...new Set(Object.values(listed.flash_files ?? {}).map(String))];
  const files: Named[] = [];
  for (const name of names) {
    const file = chosen.find((one) => path(one) === folder + name);
    if (file) files.push({ name, bytes: new Uint8Array(await file.arrayBuffer()) });
  }
  return tar(files);
}
