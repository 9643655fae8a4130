// Writes the picture where the README shows it.

import { writeFileSync } from "node:fs";
import { picture } from "./picture.js";

writeFileSync(new URL("../../docs/landing.svg", import.meta.url), picture());
