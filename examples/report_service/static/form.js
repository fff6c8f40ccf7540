"use strict";
// Says that a file is too large before it travels, and keeps the form from being sent twice.

const field = document.getElementById("file");
const why = document.getElementById("why");

field.addEventListener("change", () => {
  const largest = Number(field.dataset.largest);
  const tooLarge = field.files.length > 0 && field.files[0].size > largest;
  const complaint = tooLarge ? `The file is larger than ${largest / 1048576} MB.` : "";
  field.setCustomValidity(complaint);
  field.setAttribute("aria-invalid", String(tooLarge));
  why.textContent = complaint;
  why.hidden = !tooLarge;
});

field.form.addEventListener("submit", () => {
  const button = field.form.querySelector("button");
  button.disabled = true;
  button.textContent = "Uploading …";
});

window.addEventListener("pageshow", () => {  // back from the report
  const button = field.form.querySelector("button");
  button.disabled = false;
  button.textContent = "Make the report";
});
