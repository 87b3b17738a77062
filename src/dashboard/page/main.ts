import { connectWebSocket } from '../../browser/index.js';
import { EventStreamParser } from '../../sse/parser.js';
import { Terminal } from '@xterm/xterm';
import uPlot from 'uplot';
console.log(connectWebSocket, EventStreamParser, Terminal, uPlot, document.body);
