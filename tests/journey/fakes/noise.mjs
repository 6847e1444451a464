// The responder of Noise_NNpsk0_25519_ChaChaPoly_SHA256, from the Noise specification, revision 34,
// as ESPHome's native API uses it.

import { createCipheriv, createDecipheriv, createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';

export const protocol_name = 'Noise_NNpsk0_25519_ChaChaPoly_SHA256';
const tag_bytes = 16;
const public_prefix = Buffer.from('302a300506032b656e032100', 'hex');   // RFC 8410: SubjectPublicKeyInfo of X25519.
const private_prefix = Buffer.from('302e020100300506032b656e04220420', 'hex'); // RFC 8410: PKCS #8 of X25519.

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const hmac = (key, ...parts) => createHmac('sha256', key).update(Buffer.concat(parts)).digest();

// Section 4.3: two or three outputs.
function hkdf(chaining_key, input, outputs) {
  const secret = hmac(chaining_key, input);
  const out = [];
  for (let i = 1; i <= outputs; ++i) out.push(hmac(secret, out.at(-1) ?? Buffer.alloc(0), Buffer.from([i])));
  return out;
}

export const raw_public = (key) => key.export({ type: 'spki', format: 'der' }).subarray(public_prefix.length);
const public_key = (raw) => createPublicKey({ key: Buffer.concat([public_prefix, raw]), type: 'spki', format: 'der' });
export const private_key = (raw) => createPrivateKey({ key: Buffer.concat([private_prefix, raw]), type: 'pkcs8', format: 'der' });

// Section 5.1, with the nonce of section 12.3: 32 zero bits, then the count, little-endian.
export class CipherState {
  #key;
  #count = 0n;
  constructor(key) { this.#key = key; }
  #nonce() {
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64LE(this.#count++, 4);
    return nonce;
  }
  encrypt(plain, ad = Buffer.alloc(0)) {
    const cipher = createCipheriv('chacha20-poly1305', this.#key, this.#nonce(), { authTagLength: tag_bytes });
    cipher.setAAD(ad, { plaintextLength: plain.length });
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }
  // Throws when the text was not sealed with this key, count and `ad`.
  decrypt(sealed, ad = Buffer.alloc(0)) {
    const end = sealed.length - tag_bytes;
    if (end < 0) throw new Error('shorter than its tag');
    const cipher = createDecipheriv('chacha20-poly1305', this.#key, this.#nonce(), { authTagLength: tag_bytes });
    cipher.setAAD(ad, { plaintextLength: end });
    cipher.setAuthTag(sealed.subarray(end));
    return Buffer.concat([cipher.update(sealed.subarray(0, end)), cipher.final()]);
  }
}

// Section 5.2, for patterns with a pre-shared key: a public key is mixed in as a key too (section 9.2).
class SymmetricState {
  #key = null;
  constructor(prologue) {
    this.hash = sha256(Buffer.from(protocol_name)); // Longer than 32 bytes, so hashed.
    this.chaining_key = this.hash;
    this.mix_hash(prologue);
  }
  mix_hash(data) { this.hash = sha256(this.hash, data); }
  mix_key(input) {
    const [chaining_key, key] = hkdf(this.chaining_key, input, 2);
    this.chaining_key = chaining_key;
    this.#key = new CipherState(key);
  }
  mix_psk(psk) {
    const [chaining_key, hash, key] = hkdf(this.chaining_key, psk, 3);
    this.chaining_key = chaining_key;
    this.mix_hash(hash);
    this.#key = new CipherState(key);
  }
  mix_public(raw) {
    this.mix_hash(raw);
    this.mix_key(raw);
  }
  encrypt_and_hash(plain) {
    const sealed = this.#key.encrypt(plain, this.hash);
    this.mix_hash(sealed);
    return sealed;
  }
  decrypt_and_hash(sealed) {
    const plain = this.#key.decrypt(sealed, this.hash);
    this.mix_hash(sealed);
    return plain;
  }
  // From the initiator to the responder, then back.
  split() { return hkdf(this.chaining_key, Buffer.alloc(0), 2).map((key) => new CipherState(key)); }
}

// One handshake: read what the initiator sent, write the answer, then seal and open. `ephemeral`
// is for test vectors only. read() throws when the key or the prologue differ.
export class Responder {
  constructor(psk, prologue, ephemeral = generateKeyPairSync('x25519').privateKey) {
    this.symmetric = new SymmetricState(prologue);
    this.psk = psk;
    this.ephemeral = ephemeral;
  }
  read(message) {
    this.symmetric.mix_psk(this.psk);
    this.theirs = message.subarray(0, 32);
    this.symmetric.mix_public(this.theirs);
    return this.symmetric.decrypt_and_hash(message.subarray(32));
  }
  write(payload = Buffer.alloc(0)) {
    const ours = raw_public(createPublicKey(this.ephemeral));
    this.symmetric.mix_public(ours);
    this.symmetric.mix_key(diffieHellman({ privateKey: this.ephemeral, publicKey: public_key(this.theirs) }));
    const sealed = this.symmetric.encrypt_and_hash(payload);
    const [from_initiator, to_initiator] = this.symmetric.split();
    return { message: Buffer.concat([ours, sealed]), open: from_initiator, seal: to_initiator };
  }
}

// The other side, so that the two can be tried against each other and against published vectors.
export class Initiator {
  constructor(psk, prologue, ephemeral = generateKeyPairSync('x25519').privateKey) {
    this.symmetric = new SymmetricState(prologue);
    this.psk = psk;
    this.ephemeral = ephemeral;
  }
  write(payload = Buffer.alloc(0)) {
    const ours = raw_public(createPublicKey(this.ephemeral));
    this.symmetric.mix_psk(this.psk);
    this.symmetric.mix_public(ours);
    return Buffer.concat([ours, this.symmetric.encrypt_and_hash(payload)]);
  }
  read(message) {
    const theirs = message.subarray(0, 32);
    this.symmetric.mix_public(theirs);
    this.symmetric.mix_key(diffieHellman({ privateKey: this.ephemeral, publicKey: public_key(theirs) }));
    const payload = this.symmetric.decrypt_and_hash(message.subarray(32));
    const [seal, open] = this.symmetric.split();
    return { payload, seal, open };
  }
}
