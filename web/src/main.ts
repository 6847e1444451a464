import { mount } from 'svelte';
import App from './App.svelte';
import { start } from './connection';
import './style.css';

mount(App, { target: document.getElementById('page') as HTMLElement });
void start();
