// Runs before anything is drawn, so that nobody who chose dark sees a white flash.
const chosenTheme = localStorage.getItem("leveret.theme");
if (chosenTheme) document.documentElement.dataset.theme = chosenTheme;
