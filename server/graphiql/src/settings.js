// What the server tells the page.
export const settings = JSON.parse(document.getElementById("settings").textContent);
