() => {
  // What needs no server: another scale large, saving what is seen, copying the command.
  const save = (address, name) => {
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
  };
  document.addEventListener("click", (event) => {
    const target = event.target.closest && event.target.closest("button");
    if (!target) return;
    if (target.classList.contains("scale")) {
      const stage = target.closest(".stage");
      stage.querySelector(".large img").src = target.querySelector("img").src;
      stage.querySelectorAll(".scale").forEach((one) => one.setAttribute("aria-pressed", one === target));
    } else if (target.classList.contains("save-picture")) {
      const top = document.querySelector("#stage .scale[data-name]");
      save(top.querySelector("img").src, top.dataset.name);
    } else if (target.classList.contains("copy")) {
      navigator.clipboard.writeText(target.parentElement.nextElementSibling.textContent);
      target.textContent = "Copied";
      setTimeout(() => { target.textContent = "Copy command"; }, 1200);
    }
  });
}
