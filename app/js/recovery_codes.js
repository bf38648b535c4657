// The page that shows recovery codes once (app/src/recovery/codes_page.rs).

// What is downloaded leaves the page where it is: its form does not wait for another one.
document.querySelector("form[data-download]")?.addEventListener("submit", (event) => event.stopPropagation());

const button = document.querySelector("button[data-print]");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
