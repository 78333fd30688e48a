// main.js - starts the app.  Theme first, so that nothing flashes.
import './theme.js';
import './app.js';
