// A file of a message, shown over the chat.
import { el, fileSize } from "./element.js";

// view opens the dialog with a text or a picture.
export async function view(dialog, file) {
  const body = dialog.querySelector(".viewer-body");
  dialog.querySelector("b").textContent = file.name;
  dialog.querySelector(".viewer-name span").textContent = fileSize(file.size);
  const save = dialog.querySelector("a");
  save.href = `${file.url}?download`;
  save.download = file.name;
  body.replaceChildren();
  dialog.showModal();
  if (file.kind === "photo") {
    body.append(el("img", { src: file.url, alt: file.name }));
    return;
  }
  try {
    const response = await fetch(file.url);
    if (!response.ok) throw new Error(response.statusText);
    body.append(lines(await response.text(), /\.(diff|patch)$/.test(file.name)));
  } catch (error) {
    body.append(el("p", {}, `The file cannot be read: ${error.message}`));
  }
  body.scrollTop = 0;
}

// lines is a text, coloured when it is a diff.
function lines(text, isDiff) {
  const sheet = el("pre.sheet");
  if (!isDiff) {
    sheet.textContent = text;
    return sheet;
  }
  for (const line of text.replace(/\n$/, "").split("\n")) {
    let kind = "";
    if (/^(diff |index |--- |\+\+\+ |new file|deleted file|rename |similarity )/.test(line)) kind = ".about";
    else if (line.startsWith("@@")) kind = ".place";
    else if (line.startsWith("+")) kind = ".added";
    else if (line.startsWith("-")) kind = ".removed";
    sheet.append(el(`span.line${kind}`, {}, `${line}\n`));
  }
  return sheet;
}

// A click beside the sheet closes it.
document.querySelector(".viewer").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close();
});
