// Puts the components of page.jsx into the page. The server of react.mjs sets `settings`.
import { createRoot } from "react-dom/client";
import { Progress, Words } from "./page.jsx";

createRoot(document.body).render(
  <>
    <Progress {...settings} />
    <Words {...settings} />
  </>,
);
