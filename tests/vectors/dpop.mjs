// Makes keys and proofs with the npm package dpop. Reads a line of JSON for each, and answers with one:
// {"generate": "ES256"} gives the thumbprint of a new key, and {"key", "now", "htu", "htm", "nonce", "token"} a proof
// with the key of this number.
import { createInterface } from "node:readline";
import { calculateThumbprint, generateKeyPair, generateProof } from "dpop";

const keys = [];
for await (const line of createInterface({ input: process.stdin })) {
  const { generate, key, now, htu, htm, nonce, token } = JSON.parse(line);
  let answer;
  if (generate) {
    keys.push(await generateKeyPair(generate));
    answer = await calculateThumbprint(keys.at(-1).publicKey);
  } else {
    Date.now = () => now * 1000; // the package has no parameter for the time
    answer = await generateProof(keys[key], htu, htm, nonce, token);
  }
  console.log(JSON.stringify(answer));
}
