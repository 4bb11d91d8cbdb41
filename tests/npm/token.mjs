// Makes a token with the secret key, and reads runs with it.
import { auth, runs } from "@trigger.dev/sdk";
import { print, refused } from "./print.mjs";

const [scopes, ...ids] = process.argv.slice(2);
const token = await auth.createPublicToken({ scopes: JSON.parse(scopes), expirationTime: "10m" });
print("token", token);
await auth.withAuth({ accessToken: token }, async () => {
  for (const id of ids) await refused(id, runs.retrieve(id).then((run) => run.id));
});
