import { auth } from "@trigger.dev/sdk";

const accessToken = await auth.createPublicToken({
  scopes: { read: { runs: ["import"] } }, // or tags, tasks
  expirationTime: "8h",
});
console.log(accessToken);
